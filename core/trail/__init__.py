"""The audit trail shows tampering: its entries are sealed in order (docs/decisions/0098).

`content` says what of an entry is proven, `keys` who seals, `sealing` does it every second,
`anchors` makes proofs to keep elsewhere, `verifying` finds what was changed since;
`veiling` takes personal words out without breaking the proof.
"""
