"""Transfer to another language: the encoder stays as it is, and new words are learnt around it."""
