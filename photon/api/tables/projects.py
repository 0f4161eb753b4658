"""Routes of projects."""

from __future__ import annotations

from typing import Final

from photon.api.handlers import projects
from photon.api.principal import Role
from photon.api.route import Gate, NamedQuery, Route, Tag
from photon.api.task_lists import ProjectTasksQuery
from photon.wire.v1 import tenancy
from photon.wire.v1.basics import ResourceList, StringList
from photon.wire.v1.placement import ProjectPlacement
from photon.wire.v1.task import Task

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "POST",
        "/v1/tenants/{id}/projects",
        projects.create_project,
        Task,
        Tag.PROJECTS,
        "Create a project in a tenant",
        role=Role.TENANT,
        status=201,
        body=tenancy.ProjectCreateSpec,
        gate=Gate.CHANGE,
    ),
    Route(
        "GET",
        "/v1/tenants/{id}/projects",
        projects.list_projects,
        ResourceList[tenancy.Project],
        Tag.PROJECTS,
        "List a tenant's projects",
        query=NamedQuery,
    ),
    Route(
        "GET",
        "/v1/projects/{id}",
        projects.show_project,
        tenancy.Project,
        Tag.PROJECTS,
        "Show a project",
        role=Role.PROJECT,
    ),
    Route(
        "DELETE",
        "/v1/projects/{id}",
        projects.delete_project,
        Task,
        Tag.PROJECTS,
        "Delete an empty project",
        role=Role.TENANT,
        status=201,
        gate=Gate.CHANGE,
    ),
    Route(
        "GET",
        "/v1/projects/{id}/tasks",
        projects.list_project_tasks,
        ResourceList[Task],
        Tag.PROJECTS,
        "List the tasks of everything in a project",
        role=Role.PROJECT,
        query=ProjectTasksQuery,
    ),
    Route(
        "POST",
        "/v1/projects/{id}/set_security_groups",
        projects.set_project_security_groups,
        Task,
        Tag.PROJECTS,
        "Replace a project's security groups",
        role=Role.TENANT,
        body=StringList,
        gate=Gate.CHANGE,
    ),
    Route(
        "POST",
        "/v1/projects/{id}/set_placement",
        projects.set_project_placement,
        Task,
        Tag.PROJECTS,
        "Set how a project's VMs are spread or packed",
        role=Role.TENANT,
        body=ProjectPlacement,
        gate=Gate.CHANGE,
    ),
)
