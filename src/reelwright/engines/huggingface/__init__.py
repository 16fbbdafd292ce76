"""The engine that makes videos through Hugging Face: inference providers behind the router, or a dedicated endpoint.

options   what is configured: routes, endpoint, chain, limits
form      what each provider takes, and a request translated into it
card      the cards of the configured models (pure data)
outcomes  every way an upstream can fail, as one of our errors
guard     the watched HTTP client: deadline, cancel, byte allowance, no token to strangers
provider  one job at one provider: submit, wait, cancel
endpoint  one job at a dedicated endpoint
download  a result streamed to disk and checked
failover  which route is asked when, and when no more
engine    the engine itself
account   the token, tested against the hub
"""
