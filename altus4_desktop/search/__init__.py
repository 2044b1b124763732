"""Pure search knowledge: boolean language, planning, fusion, snippets, explanations."""
