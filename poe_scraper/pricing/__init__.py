"""What a price is: token kinds, pairs of prices, the primary price, checks and costs."""
