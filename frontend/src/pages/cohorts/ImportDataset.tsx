/** Brings a data set in. */

import { Modal } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

interface Props {
  team: string;
  isOpen: boolean;
  onClose: () => void;
}

export function ImportDataset({ isOpen, onClose }: Props): ReactNode {
  const { t } = useTranslation();
  return <Modal opened={isOpen} onClose={onClose} title={t("cohorts.import")} size="lg" />;
}
