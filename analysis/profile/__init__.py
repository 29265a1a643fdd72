"""The linguistic profile of a run: the score of each subnetwork for each phenomenon."""
