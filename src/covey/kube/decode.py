"""What the client library gives, turned into the plain facts of `pods`. Knows its objects' fields, not the library."""

from __future__ import annotations

from typing import Any

from covey.kube.pods import Container, Pod
from covey.model.outside import clean


def selector(wanted: Any) -> str:
    """A LabelSelector as text; "" when there is none."""
    if wanted is None:
        return ""
    parts = [f"{key}={value}" for key, value in (wanted.matchLabels or {}).items()]
    for rule in wanted.matchExpressions or []:
        values = ",".join(rule.values or [])
        forms = {"In": f"{rule.key} in ({values})", "NotIn": f"{rule.key} notin ({values})", "Exists": rule.key}
        parts.append(forms.get(rule.operator, f"!{rule.key}"))
    return ",".join(parts)


def owners(entry: Any) -> set[str]:
    return {reference.uid for reference in entry.metadata.ownerReferences or []}


def pod(entry: Any) -> Pod:
    status, spec, meta = entry.status, entry.spec, entry.metadata
    known = (
        {
            state.name: state
            for states in (status.containerStatuses, status.initContainerStatuses)
            for state in states or []
        }
        if status
        else {}
    )
    staying = [one for one in spec.initContainers or [] if one.restartPolicy == "Always"] + list(spec.containers or [])
    return Pod(
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid or "",
        labels=dict(meta.labels or {}),
        owners=tuple(owners(entry)),
        phase=(status.phase if status else "") or "",
        reason=clean((status.reason if status else "") or ""),
        deleting=meta.deletionTimestamp is not None,
        containers=tuple(_container(one, known.get(one.name)) for one in staying),
    )


def _container(spec: Any, status: Any) -> Container:
    if status is None:
        return Container(spec.name, spec.image or "")
    state = status.state
    waits = ""
    if state and state.waiting:
        waits = f"is waiting: {clean(state.waiting.reason or 'no reason given')}"
    elif state and state.terminated:
        waits = f"has ended with exit code {state.terminated.exitCode}"
    return Container(
        name=spec.name,
        image=spec.image or "",
        image_ran=status.imageID or "",
        id=status.containerID or "",
        restart=status.restartCount or 0,
        running=bool(state and state.running),
        waits=waits,
    )
