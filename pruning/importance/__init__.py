"""How much each unit matters: the definitions, and the pass that measures them."""
