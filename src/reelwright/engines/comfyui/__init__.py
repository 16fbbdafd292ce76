"""The engine `comfyui`: workflow files are models, and a running ComfyUI does the work."""
