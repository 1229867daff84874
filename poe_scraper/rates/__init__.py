"""Reading a rate card: text in, `Reading` out."""
