"""The engine that makes videos through Hugging Face: inference providers, or a dedicated endpoint.

access    whose account pays: the token, or a provider's own key
options   what is configured: routes, endpoint, chain, limits
form      what each provider takes, and a request translated into it
card      the cards of the configured models (pure data)
guard     huggingface_hub made safe: deadline, cancel, byte allowance, no key to strangers
refusals  what answers say about the token or the key, and its account
mappings  what each provider calls a model
provider  one job at one provider: submit, wait, cancel
endpoint  one job at a dedicated endpoint
engine    the engine itself
account   the token and the keys, tested without cost
"""
