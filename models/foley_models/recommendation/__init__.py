"""Krishnamurthy, "Learning Self-Supervised Audio-Visual Representations for Sound Recommendations": all its systems."""
