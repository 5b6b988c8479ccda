"""What redaction looks for, and in which languages: the names that requests, placeholders and findings use. Data."""

# The documentation's eight.
LANGUAGES = ("en", "es", "fr", "de", "pt", "it", "nl", "pl")

# What is written in a finding's place: see `substitution.py`.
SUBSTITUTIONS = ("type", "mask", "hash", "numbered")

# What is heard in a finding's place in a redacted copy of the sound.
AUDIO_KINDS = ("beep", "silence")

# type -> what it is, for the documentation and for error messages.
TYPES = {
    "PERSON": "names of people, spelled ones too",
    "LOCATION": "addresses, streets, towns and postal codes",
    "PHONE_NUMBER": "telephone and fax numbers",
    "EMAIL_ADDRESS": "e-mail addresses, spoken ones too",
    "URL": "web addresses, spoken ones too",
    "IP_ADDRESS": "addresses of computers",
    "CREDIT_CARD": "payment card numbers, and parts of them such as the last four digits",
    "CARD_EXPIRY": "expiry dates of payment cards",
    "CARD_SECURITY_CODE": "security codes of payment cards",
    "IBAN_CODE": "international bank account numbers",
    "BANK_ACCOUNT": "other account numbers, sort codes and routing numbers",
    "NATIONAL_ID": "social security, tax, health, identity, passport and driving licence numbers, and parts of them",
    "DATE_OF_BIRTH": "dates of birth",
    "POLICY_NUMBER": "insurance policy and membership numbers",
    "CLAIM_NUMBER": "claim and case numbers",
    "ORDER_NUMBER": "order, invoice, booking, customer and tracking numbers",
    "MEDICAL_RECORD_NUMBER": "patient and medical record numbers",
    "PASSWORD": "passwords, PINs and one-time codes",
}

# Before a name, and no part of it: "Mr. Harper" is the Harper of "Daniel Harper". Lower case, without the full stop.
TITLES = frozenset(
    "mr mrs ms miss mister missus madam sir dr doctor prof professor señor señora señorita sr sra srta don doña "
    "monsieur madame mademoiselle m mme mlle docteur herr frau senhor senhora dom dona doutor doutora signor signore "
    "signora sig dottor dottore dottoressa meneer mevrouw dhr mevr pan pani panie państwo doktor".split()
)
