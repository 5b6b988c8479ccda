"""What support staff see of saved schemas: that there are some. What they ask is the customer's business."""

from django.contrib import admin

from analytics.models import SavedSchema
from tuplets.admin import ReadOnlyAdmin


@admin.register(SavedSchema)
class SavedSchemaAdmin(ReadOnlyAdmin):
    list_display = ["id", "account", "created_at", "updated_at"]
    exclude = ["name", "schema"]
    search_fields = ["id", "account__name", "account__members__email"]
    list_select_related = ["account"]
    date_hierarchy = "created_at"
