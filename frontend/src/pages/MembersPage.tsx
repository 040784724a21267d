/** Who is in the team; managers change it. */

import { ActionIcon, Alert, Button, Checkbox, Container, Group, Paper, Select, Table, Text, TextInput, Title } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, dataOf } from "../api/client";
import { keys, useMembers, type Member } from "../store/queries";
import { teamOf, useSession, type Role } from "../store/session";
import { Failed, Loading } from "../ui/States";
import { useTeam } from "./SignedIn";

const ROLES: Role[] = ["viewer", "reader", "researcher", "manager"];

export function MembersPage(): ReactNode {
  const { t } = useTranslation();
  const team = useTeam();
  const members = useMembers(team);
  const client = useQueryClient();
  const me = useSession((state) => state.me);
  const isManager = teamOf(me, team)?.role === "manager";
  const refresh = (): void => void client.invalidateQueries({ queryKey: keys.members(team) });
  const change = useMutation({
    mutationFn: ({ member, ...body }: { member: Member; role?: Role; can_sign?: boolean }) =>
      dataOf(
        api.PATCH("/api/v1/teams/{team}/members/{user_id}/", {
          params: { path: { team, user_id: member.user_id } },
          body,
        }),
      ),
    onSettled: refresh,
  });
  const remove = useMutation({
    mutationFn: async (member: Member) => {
      await api.DELETE("/api/v1/teams/{team}/members/{user_id}/", { params: { path: { team, user_id: member.user_id } } });
    },
    onSettled: refresh,
  });
  if (members.isPending) return <Loading />;
  if (members.isError) return <Failed error={members.error} onRetry={() => void members.refetch()} />;
  const error = change.error ?? remove.error;
  const roles = ROLES.map((value) => ({ value, label: t(`role.${value}`) }));
  return (
    <Container size="md" px={0}>
      <Title order={2} mb="md">
        {t("place.members")}
      </Title>
      {error && (
        <Alert color="red" mb="sm" role="alert">
          {error.message}
        </Alert>
      )}
      <Paper withBorder>
        <Table.ScrollContainer minWidth={420}>
          <Table verticalSpacing="xs">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("members.name")}</Table.Th>
                <Table.Th>{t("members.role")}</Table.Th>
                <Table.Th>{t("members.canSign")}</Table.Th>
                <Table.Th />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {members.data.map((member) => (
                <Table.Tr key={member.user_id}>
                  <Table.Td>
                    <Text fw={600}>{member.username}</Text>
                    <Text size="xs" c="dimmed">
                      {[member.first_name, member.last_name].filter(Boolean).join(" ")}
                    </Text>
                  </Table.Td>
                  <Table.Td>
                    {isManager ? (
                      <Select
                        size="xs"
                        w={140}
                        aria-label={t("members.role")}
                        data={roles}
                        value={member.role ?? "viewer"}
                        allowDeselect={false}
                        onChange={(role) => {
                          if (role) change.mutate({ member, role: role as Role });
                        }}
                      />
                    ) : (
                      t(`role.${member.role ?? "viewer"}`)
                    )}
                  </Table.Td>
                  <Table.Td>
                    <Checkbox
                      aria-label={t("members.canSign")}
                      checked={member.can_sign ?? false}
                      disabled={!isManager}
                      onChange={(event) => {
                        change.mutate({ member, can_sign: event.currentTarget.checked });
                      }}
                    />
                  </Table.Td>
                  <Table.Td>
                    {isManager && (
                      <ActionIcon
                        variant="subtle"
                        color="red"
                        aria-label={t("members.remove", { name: member.username })}
                        onClick={() => {
                          if (window.confirm(t("members.confirmRemove", { name: member.username }))) remove.mutate(member);
                        }}
                      >
                        <IconTrash size={18} />
                      </ActionIcon>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      </Paper>
      {isManager && <NewMember team={team} roles={roles} onAdded={refresh} />}
    </Container>
  );
}

function NewMember({ team, roles, onAdded }: { team: string; roles: { value: string; label: string }[]; onAdded: () => void }): ReactNode {
  const { t } = useTranslation();
  const [username, setUsername] = useState("");
  const [role, setRole] = useState<Role>("reader");
  const add = useMutation({
    mutationFn: () => dataOf(api.POST("/api/v1/teams/{team}/members/", { params: { path: { team } }, body: { username, role, can_sign: false } })),
    onSuccess: () => {
      setUsername("");
      onAdded();
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        add.mutate();
      }}
    >
      <Group align="flex-end" mt="md">
        <TextInput
          label={t("members.addName")}
          description={t("members.addHint")}
          required
          value={username}
          error={add.error?.message}
          onChange={(event) => {
            setUsername(event.currentTarget.value);
          }}
        />
        <Select label={t("members.role")} data={roles} value={role} allowDeselect={false} onChange={(value) => { setRole((value ?? "reader") as Role); }} />
        <Button type="submit" loading={add.isPending}>
          {t("members.add")}
        </Button>
      </Group>
    </form>
  );
}
