"""The page: Gradio only. Nothing in here imports torch, so that the page answers before torch is there."""
