"""The linguistic profile of a run: what each subnetwork knows of each phenomenon."""
