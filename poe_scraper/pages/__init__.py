"""What one answer of Poe says: pure functions of its bytes."""
