"""Videos from any server that speaks `/v1/videos`: vLLM-Omni, SGLang, Aquiles-Image, LiteLLM, another Reelwright.

options    what is configured                         card       the cards of the configured models
form       a request in the words of `/v1/videos`     videos     what a server says of a video
server     one such server: every request of it       refusals   its refusals and failures, as our errors
following  an accepted job, to its end                rendering  a request from its servers to a checked clip
survey     what is found at an address, for `reelwright doctor`
"""
