"""Charts as SVG text, without any other package: axes, lines, bands, and the figures of forecasts, training and scores."""
