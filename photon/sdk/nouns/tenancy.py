"""Tenants and projects, with their quota and security groups."""

from __future__ import annotations

from collections.abc import Sequence

from photon.sdk.operation import Face, Noun, listing, operation, watching
from photon.sdk.request import Listing, Request, delete, get, patch, path, post, put, query
from photon.sdk.watching import Watch
from photon.wire.v1.basics import StringList
from photon.wire.v1.placement import ProjectPlacement
from photon.wire.v1.task import Task
from photon.wire.v1.tenancy import (
    Project,
    ProjectCreateSpec,
    Quota,
    QuotaRemoval,
    Tenant,
    TenantCreateSpec,
)


class Tenants(Noun[Face]):
    @operation
    def create(self, spec: TenantCreateSpec) -> Request[Task]:
        return post(path("tenants"), spec)

    @listing
    def list(self, *, name: str | None = None) -> Listing[Tenant]:
        return Listing(path("tenants"), Tenant, query(name=name))

    @watching
    def watch(self, *, name: str | None = None, since: str | None = None) -> Watch[Tenant]:
        """The changes of that list, as they come."""
        return Watch(Listing(path("tenants"), Tenant, query(name=name)), since)

    @operation
    def get(self, tenant_id: str) -> Request[Tenant]:
        return get(path("tenants", tenant_id), Tenant)

    @operation
    def delete(self, tenant_id: str) -> Request[Task]:
        return delete(path("tenants", tenant_id))

    @listing
    def tasks(self, tenant_id: str, *, state: str | None = None) -> Listing[Task]:
        return Listing(path("tenants", tenant_id, "tasks"), Task, query(state=state))

    @operation
    def set_security_groups(self, tenant_id: str, groups: Sequence[str]) -> Request[Task]:
        return post(path("tenants", tenant_id, "set_security_groups"), StringList([*groups]))

    @operation
    def quota(self, tenant_id: str) -> Request[Quota]:
        return get(path("tenants", tenant_id, "quota"), Quota)

    @operation
    def set_quota(self, tenant_id: str, quota: Quota) -> Request[Task]:
        """Replaces all limits."""
        return put(path("tenants", tenant_id, "quota"), quota)

    @operation
    def update_quota(self, tenant_id: str, quota: Quota) -> Request[Task]:
        """Adds or overwrites the limits named; the others stay."""
        return patch(path("tenants", tenant_id, "quota"), quota)

    @operation
    def exclude_quota(self, tenant_id: str, removal: QuotaRemoval) -> Request[Task]:
        """Removes the limits named: those keys are then unlimited."""
        return delete(path("tenants", tenant_id, "quota"), removal)


class Projects(Noun[Face]):
    @operation
    def create(self, tenant_id: str, spec: ProjectCreateSpec) -> Request[Task]:
        return post(path("tenants", tenant_id, "projects"), spec)

    @listing
    def list(self, tenant_id: str, *, name: str | None = None) -> Listing[Project]:
        return Listing(path("tenants", tenant_id, "projects"), Project, query(name=name))

    @watching
    def watch(
        self, tenant_id: str, *, name: str | None = None, since: str | None = None
    ) -> Watch[Project]:
        """The changes of that list, as they come."""
        return Watch(
            Listing(path("tenants", tenant_id, "projects"), Project, query(name=name)), since
        )

    @operation
    def get(self, project_id: str) -> Request[Project]:
        return get(path("projects", project_id), Project)

    @operation
    def delete(self, project_id: str) -> Request[Task]:
        return delete(path("projects", project_id))

    @listing
    def tasks(
        self, project_id: str, *, state: str | None = None, kind: str | None = None
    ) -> Listing[Task]:
        """Of everything inside the project."""
        return Listing(path("projects", project_id, "tasks"), Task, query(state=state, kind=kind))

    @operation
    def set_security_groups(self, project_id: str, groups: Sequence[str]) -> Request[Task]:
        return post(path("projects", project_id, "set_security_groups"), StringList([*groups]))

    @operation
    def set_placement(self, project_id: str, placement: ProjectPlacement) -> Request[Task]:
        """The strategy of VMs that name none."""
        return post(path("projects", project_id, "set_placement"), placement)

    @operation
    def quota(self, project_id: str) -> Request[Quota]:
        return get(path("projects", project_id, "quota"), Quota)

    @operation
    def set_quota(self, project_id: str, quota: Quota) -> Request[Task]:
        """Replaces all limits."""
        return put(path("projects", project_id, "quota"), quota)

    @operation
    def update_quota(self, project_id: str, quota: Quota) -> Request[Task]:
        """Adds or overwrites the limits named; the others stay."""
        return patch(path("projects", project_id, "quota"), quota)

    @operation
    def exclude_quota(self, project_id: str, removal: QuotaRemoval) -> Request[Task]:
        """Removes the limits named: those keys are then unlimited."""
        return delete(path("projects", project_id, "quota"), removal)
