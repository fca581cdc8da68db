"""Who is who: what a ROI's name means, which structure stands for an organ, what lies near, what a site requires.

No dose is computed and no limit is judged here.
"""
