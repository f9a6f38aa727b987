"""What a saved model carries to turn raw input into arrays, and results back."""
