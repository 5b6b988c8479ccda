"""What support staff see of saved schemas: that there are some. What they ask is the customer's business."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from analytics.models import SavedSchema


@admin.register(SavedSchema)
class SavedSchemaAdmin(admin.ModelAdmin):
    list_display = ["id", "account", "created_at", "updated_at"]
    exclude = ["name", "schema"]
    search_fields = ["id", "account__name", "account__members__email"]
    list_select_related = ["account"]
    date_hierarchy = "created_at"
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [field.name for field in SavedSchema._meta.fields if field.name not in self.exclude]
