"""subprobe: find the subnetworks of Transformer encoders and test what each still knows."""

__version__ = "0.1.0"
