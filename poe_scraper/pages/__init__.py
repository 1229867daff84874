"""What one answer of Poe says: pure functions of bytes."""
