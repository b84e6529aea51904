"""What is odd in bars that were read: found with row and guess, and repaired on demand."""
