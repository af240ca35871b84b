"""Two packs on a user's own reels, judged blind: which sounds does each find for what is on screen?"""
