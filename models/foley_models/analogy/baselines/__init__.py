"""What the paper compares with that generates nothing (section 4.1): onset transfer and style transfer."""
