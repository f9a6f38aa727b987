"""Networks: what they are made of and their equations, written once for every engine that runs them."""
