"""Gates learned by gradient, under a penalty: for a task or for a property of words."""
