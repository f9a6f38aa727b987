"""What users choose: every parameter declared once, with its range, its help and its values worth trying."""
