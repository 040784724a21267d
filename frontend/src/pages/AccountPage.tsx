/** My account: language, theme, password, API tokens. */

import { ActionIcon, Alert, Button, Code, Container, CopyButton, Group, Paper, PasswordInput, Select, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, dataOf } from "../api/client";
import { prefer, useSession, type Language, type Theme } from "../store/session";
import { moment } from "../ui/format";
import { i18next, LANGUAGES } from "../ui/i18n";

export function AccountPage(): ReactNode {
  const { t } = useTranslation();
  const me = useSession((state) => state.me);
  if (!me) return null;
  const themes: Theme[] = ["auto", "light", "dark"];
  return (
    <Container size="sm" px={0}>
      <Stack>
        <Title order={2}>{t("account.title")}</Title>
        <Paper withBorder p="md">
          <Stack>
            <Text fw={600}>{me.username}</Text>
            <Group grow>
              <Select
                label={t("language")}
                data={[...LANGUAGES]}
                value={me.language ?? "en"}
                allowDeselect={false}
                onChange={(value) => {
                  if (!value) return;
                  void i18next.changeLanguage(value);
                  void prefer({ language: value as Language });
                }}
              />
              <Select
                label={t("theme")}
                data={themes.map((value) => ({ value, label: t(`themes.${value}`) }))}
                value={me.theme ?? "dark"}
                allowDeselect={false}
                onChange={(value) => {
                  if (value) void prefer({ theme: value as Theme });
                }}
              />
            </Group>
          </Stack>
        </Paper>
        <Password />
        <Tokens />
      </Stack>
    </Container>
  );
}

function Password(): ReactNode {
  const { t } = useTranslation();
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const change = useMutation({
    mutationFn: async () => {
      await api.POST("/api/v1/auth/password/", { body: { old, new: fresh } });
    },
    onSuccess: () => {
      setOld("");
      setFresh("");
    },
  });
  return (
    <Paper withBorder p="md">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate();
        }}
      >
        <Stack>
          <Title order={4}>{t("account.password")}</Title>
          <PasswordInput label={t("account.oldPassword")} autoComplete="current-password" required value={old} onChange={(e) => { setOld(e.currentTarget.value); }} />
          <PasswordInput label={t("account.newPassword")} autoComplete="new-password" required value={fresh} onChange={(e) => { setFresh(e.currentTarget.value); }} />
          {change.error && <Alert color="red">{change.error.message}</Alert>}
          {change.isSuccess && <Alert color="teal">{t("account.passwordChanged")}</Alert>}
          <Button type="submit" loading={change.isPending} w="fit-content">
            {t("account.changePassword")}
          </Button>
        </Stack>
      </form>
    </Paper>
  );
}

function Tokens(): ReactNode {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const tokens = useQuery({ queryKey: ["tokens"], queryFn: () => dataOf(api.GET("/api/v1/auth/tokens/")) });
  const refresh = (): void => void client.invalidateQueries({ queryKey: ["tokens"] });
  const issue = useMutation({
    mutationFn: () => dataOf(api.POST("/api/v1/auth/tokens/", { body: { name } })),
    onSuccess: () => {
      setName("");
      refresh();
    },
  });
  const end = useMutation({
    mutationFn: async (id: number) => {
      await api.DELETE("/api/v1/auth/tokens/{token_id}/", { params: { path: { token_id: id } } });
    },
    onSettled: refresh,
  });
  return (
    <Paper withBorder p="md">
      <Stack>
        <Title order={4}>{t("account.tokens")}</Title>
        <Text size="sm" c="dimmed">
          {t("account.tokensHint")}
        </Text>
        {issue.data && (
          <Alert color="teal" title={t("account.tokenOnce")}>
            <Group gap="xs">
              <Code style={{ wordBreak: "break-all" }}>{issue.data.token}</Code>
              <CopyButton value={issue.data.token}>
                {({ copied, copy }) => (
                  <Button size="compact-xs" variant="light" onClick={copy}>
                    {copied ? t("copied") : t("copy")}
                  </Button>
                )}
              </CopyButton>
            </Group>
          </Alert>
        )}
        {!!tokens.data?.length && (
          <Table>
            <Table.Tbody>
              {tokens.data.map((token) => (
                <Table.Tr key={token.id}>
                  <Table.Td>{token.name}</Table.Td>
                  <Table.Td c="dimmed" fz="xs">
                    {moment(token.created_at, i18n.language)}
                  </Table.Td>
                  <Table.Td ta="right">
                    <ActionIcon
                      variant="subtle"
                      color="red"
                      aria-label={t("account.endToken", { name: token.name })}
                      onClick={() => {
                        end.mutate(token.id);
                      }}
                    >
                      <IconTrash size={18} />
                    </ActionIcon>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
        <form
          onSubmit={(event) => {
            event.preventDefault();
            issue.mutate();
          }}
        >
          <Group align="flex-end">
            <TextInput label={t("account.tokenName")} required maxLength={80} value={name} onChange={(e) => { setName(e.currentTarget.value); }} />
            <Button type="submit" loading={issue.isPending}>
              {t("account.issueToken")}
            </Button>
          </Group>
        </form>
      </Stack>
    </Paper>
  );
}
