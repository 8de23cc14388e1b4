"""Networks: image backbones and what is put on top of them."""
