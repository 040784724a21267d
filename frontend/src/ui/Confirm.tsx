/** Asks before something that others will notice. */

import { Button, Group, Modal, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

interface Props {
  /** What is asked; null: nothing, and no window. */
  question: string | null;
  action: string;
  isBusy: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

export function Confirm({ question, action, isBusy, onConfirm, onClose }: Props): ReactNode {
  const { t } = useTranslation();
  return (
    <Modal opened={question !== null} onClose={onClose} withCloseButton={false} centered>
      <Text mb="md">{question}</Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          {t("cancel")}
        </Button>
        <Button loading={isBusy} onClick={onConfirm} data-autofocus>
          {action}
        </Button>
      </Group>
    </Modal>
  );
}
