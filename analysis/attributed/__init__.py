"""Attributions to words: tests of their shares, and agreement between subnetworks."""
