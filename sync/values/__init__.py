"""What cells say as typed values, and back: inference, mapping, how numbers and dates are printed. Pure."""
