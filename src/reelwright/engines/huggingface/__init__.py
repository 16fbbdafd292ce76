"""The engine that makes videos through Hugging Face: inference providers behind the router, or a dedicated endpoint.

options   what is configured: routes, endpoint, chain, limits
form      what each provider takes, and a request translated into it
card      the cards of the configured models (pure data)
guard     huggingface_hub made safe: deadline, cancel, byte allowance, no token to strangers
refusals  what Hugging Face's answers say about the token and the account
provider  one job at one provider: submit, wait, cancel
endpoint  one job at a dedicated endpoint
engine    the engine itself
account   the token, tested against the hub
"""
