"""The `local` engine: diffusers pipelines on this machine. Only this room imports torch and diffusers."""
