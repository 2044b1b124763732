"""The words everything else is said in: records, errors, cancellation (standard library only)."""
