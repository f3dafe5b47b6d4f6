"""What the mechanisms of this field are, and what they cost on real models: `llmcmp explain`, and the Learn tab.

terms()          every term, group by group
explain("gqa")   one of them with its example computed, and the presets that use it
"""

from llmcmp.learn.explanation import Explanation, explain
from llmcmp.learn.term import Term, terms

__all__ = ["Explanation", "Term", "explain", "terms"]
