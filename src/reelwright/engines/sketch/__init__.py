"""The sketch engine: procedural drawing of a prompt's words with NumPy. No AI, no network, no accelerator."""
