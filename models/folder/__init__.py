"""The files of a model folder, checked before anything is built from them."""
