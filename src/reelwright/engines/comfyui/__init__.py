"""The engine `comfyui`: workflow files are models, and a running ComfyUI does the work.

options    what is configured
library    the folder of workflows; reading, sidecar, graph, mapping (and what it uses) make a model of each file
workflow   one model, and a request filled into its graph
card       the cards of the models (pure data)
drafting   a sidecar written from what was found; inspection looks at what a workflow lacks at a running ComfyUI
server     one running ComfyUI: every request that is made of it
servers    all of them: health, order, jobs that are still to be ended
listener   what a job's web socket tells; progress measures it
following  an accepted job, until it has ended or is lost
outputs    which file is the video
refusals   what ComfyUI complains of, as one of our errors
rendering  one request to a checked clip, so that no crash has it executed twice
engine     the engine itself
"""
