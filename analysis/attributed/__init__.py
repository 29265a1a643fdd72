"""What attributions to words say: tests of their shares, and agreement between subnetworks."""
