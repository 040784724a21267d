/** Which page of a long list is shown, and the way to the others. */

import { Pagination } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

// As the site cuts its lists.
const PAGE_SIZE = 50;

interface Props {
  /** How many rows there are in all. */
  count: number;
  page: number;
  onChange: (page: number) => void;
}

export function Pages({ count, page, onChange }: Props): ReactNode {
  const { t } = useTranslation();
  const isPhone = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  const pages = Math.ceil(count / PAGE_SIZE);
  if (pages < 2) return null;
  return (
    <Pagination
      total={pages}
      value={page}
      siblings={isPhone ? 0 : 1}
      onChange={onChange}
      getControlProps={(control) => ({ "aria-label": t(`pages.${control}`) })}
    />
  );
}
