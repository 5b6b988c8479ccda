"""Who of the speakers is the agent: from what agents and customers say in the packs' own examples."""

from __future__ import annotations

import functools

import numpy as np

from analytics.catalogue import packs
from jobs.engines.analyst.heads import Head
from jobs.engines.analyst.reading import Reading
from jobs.engines.analyst.vectors import sentence_vectors

AGENT, CUSTOMER, EITHER = "agent", "customer", "either"
# What an agent says in nearly every call and no field is about.
AGENT_PHRASES = (
    "thank you for calling, how can I help you today",
    "can I have your policy number please",
    "could you confirm your date of birth",
    "let me pull up your account",
    "is there anything else I can help you with",
    "one moment while I check that for you",
    "gracias por llamar, ¿en qué puedo ayudarle?",
    "bonjour, que puis-je faire pour vous ?",
    "guten Tag, wie kann ich Ihnen helfen?",
    "buongiorno, come posso aiutarla?",
    "goedemiddag, waarmee kan ik u helpen?",
    "bom dia, em que posso ajudar?",
    "dzień dobry, w czym mogę pomóc?",
    "¿me puede dar su número de cliente?",
    "können Sie mir Ihre Kundennummer nennen?",
    "puis-je avoir votre numéro de dossier ?",
)
CUSTOMER_PHRASES = (
    "hi, I'm calling about my bill",
    "yes my account number is",
    "I've been waiting for two weeks",
    "can you tell me why I was charged",
    "hola, llamaba por un problema con mi factura",
    "bonjour, je vous appelle au sujet de mon dossier",
    "guten Tag, ich rufe an wegen meiner Rechnung",
    "buongiorno, chiamo per la mia pratica",
    "goedemiddag, ik bel over mijn rekening",
    "bom dia, estou a ligar por causa da minha conta",
    "dzień dobry, dzwonię w sprawie mojej faktury",
)


# Of the means of two speakers' leanings, -1 to 1.
LEAST_DIFFERENCE, CLEAR_DIFFERENCE = 0.02, 0.2


def agent_share(reading: Reading) -> dict[str, float]:
    """Speaker -> how far he sounds like the agent, 0-1, 1 for who does most; empty where it can't be told."""
    speakers = reading.spoken.speakers
    if len(speakers) < 2:
        return {}
    head = _head()
    found = reading.by_line(head.probabilities(reading.vectors))
    lean = found[:, head.column(AGENT)] - found[:, head.column(CUSTOMER)]
    means = {}
    for speaker in speakers:
        own = [line.id for line in reading.spoken.lines if line.speaker == speaker]
        means[speaker] = float(np.mean(lean[own]))
    low, high = min(means.values()), max(means.values())
    if high - low < LEAST_DIFFERENCE:
        return {}
    # A small difference is little to go by: both are then nearly as likely.
    clear = min(1.0, (high - low) / CLEAR_DIFFERENCE)
    return {speaker: 0.5 + clear * ((mean - low) / (high - low) - 0.5) for speaker, mean in means.items()}


@functools.cache
def _head() -> Head:
    agent, customer = list(AGENT_PHRASES), list(CUSTOMER_PHRASES)
    either: list[str] = []
    for pack in packs():
        for field in pack.fields:
            texts = [phrase.text for answer in field.answers for phrase in answer.examples]
            {"agent": agent, "customer": customer}.get(field.voice, either).extend(texts)
    return Head({AGENT: agent, CUSTOMER: customer, EITHER: list(dict.fromkeys(either))}, sentence_vectors())
