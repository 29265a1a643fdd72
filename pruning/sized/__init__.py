"""Gates learned towards a target size, by loss or by faithfulness to the full model."""
