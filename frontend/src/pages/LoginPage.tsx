/** Sign in. */

import { Alert, Button, Center, Group, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState, type FormEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { ApiProblem } from "../api/client";
import { loadSession, signIn, useSession } from "../store/session";
import { LanguageMenu } from "../ui/Shell";

export function LoginPage(): ReactNode {
  const { t } = useTranslation();
  const { next } = useSearch({ from: "/login" });
  const { me, hasExpired } = useSession();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);

  useEffect(() => {
    if (me === undefined) void loadSession().catch(() => undefined);
    if (me) void navigate({ to: next ?? "/", replace: true });
  }, [me, navigate, next]);

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError("");
    try {
      await signIn(name, password);
    } catch (problem) {
      const status = problem instanceof ApiProblem ? problem.status : 0;
      setError(status === 401 || status === 400 ? t("login.wrong") : problem instanceof Error ? problem.message : t("failedUnknown"));
      setBusy(false);
    }
  };

  return (
    <Center mih="100vh" p="md">
      <Paper withBorder p="xl" w={380} maw="100%" component="main">
        <form onSubmit={(event) => void submit(event)}>
          <Stack>
            <Group justify="space-between">
              <Group gap="xs">
                <img src={`${import.meta.env.BASE_URL}icon.svg`} width={30} height={30} alt="" />
                <Title order={2}>medportal</Title>
              </Group>
              <LanguageMenu />
            </Group>
            {hasExpired && <Alert color="yellow">{t("login.expired")}</Alert>}
            <TextInput
              label={t("login.name")}
              autoComplete="username"
              required
              autoFocus
              value={name}
              onChange={(event) => {
                setName(event.currentTarget.value);
              }}
            />
            <PasswordInput
              label={t("login.password")}
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => {
                setPassword(event.currentTarget.value);
              }}
            />
            {error && (
              <Alert color="red" role="alert">
                {error}
              </Alert>
            )}
            <Button type="submit" loading={isBusy} fullWidth>
              {t("login.submit")}
            </Button>
            <Text size="xs" c="dimmed" ta="center">
              {t("notForDiagnosis")}
            </Text>
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}
