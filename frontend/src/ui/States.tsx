/** What a page shows when it has nothing to show: loading, failed, empty. */

import { Alert, Button, Center, Loader, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

export function Loading(): ReactNode {
  const { t } = useTranslation();
  return (
    <Center py="xl" role="status" aria-label={t("loading")}>
      <Loader />
    </Center>
  );
}

export function Failed({ error, onRetry }: { error: unknown; onRetry?: (() => void) | undefined }): ReactNode {
  const { t } = useTranslation();
  return (
    <Alert color="red" icon={<IconAlertTriangle />} title={t("failed")} my="md" role="alert">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{error instanceof Error && error.message ? error.message : t("failedUnknown")}</Text>
        {onRetry && (
          <Button size="xs" variant="light" color="red" onClick={onRetry}>
            {t("retry")}
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }): ReactNode {
  return (
    <Center py={60} px="md">
      <Stack align="center" gap="xs" maw={460}>
        <Title order={3} ta="center">
          {title}
        </Title>
        <Text c="dimmed" ta="center" component="div">
          {children}
        </Text>
      </Stack>
    </Center>
  );
}
