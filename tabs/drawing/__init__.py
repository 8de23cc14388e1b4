"""HTML without Gradio."""
