"""What is fitted without a network: forecasting methods of a few numbers a series, and language models of n-grams."""
